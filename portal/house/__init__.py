"""The frame around every page and the house's own pages: health, audit log, the API's description."""
