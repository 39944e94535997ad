"""Commands of the portal: check_session."""
