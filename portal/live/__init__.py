"""WebSockets: alert inbox, live wall, progress of runs and cases."""
