"""How people and programs reach Hirelog: HTTP and the command line."""
