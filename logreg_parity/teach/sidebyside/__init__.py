"""The twins' source on one screen: definition beside definition, differences marked, explained in the margin.

``sources`` cuts the files and pairs what belongs together, ``alignment`` puts line beside line, ``notes`` finds the
line that each note speaks of, ``document`` writes it down. The source is read, never run: no framework is imported.
"""

from .document import fragment, page

__all__ = ["fragment", "page"]
