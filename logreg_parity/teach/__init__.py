"""For people who learn: the grader of the lessons' exercises, and the lessons' pictures."""
