"""What has happened in the portal, for people and programs outside of it: each domain event goes once through every channel in use."""
