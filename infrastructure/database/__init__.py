"""The database itself: connections, schema, and the walls between tenants."""
