"""What can be decided: pure rules over events, without clock or I/O."""
