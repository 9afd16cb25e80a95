"""For people who learn."""
