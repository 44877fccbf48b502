"""The web: the console, the public pages and the health checks."""
