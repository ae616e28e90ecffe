"""hadelect talks to people: one file per command family; click and rich are imported only here."""
