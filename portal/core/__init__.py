"""What every app stands on: audit log, messages to browsers, media store, health page."""
