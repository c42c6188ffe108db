"""How requests are read, checked and answered, whatever they are about."""
