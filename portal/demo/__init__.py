"""The demo: one site with its cameras and fictional staff, laid out as a manifest describes it. Nothing of the portal depends on it."""
