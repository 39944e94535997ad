"""Commands of the portal: demo, worker, createadmin."""
