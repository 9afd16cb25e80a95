"""The explorer: one self-contained web page, and the third twin, in JavaScript."""
