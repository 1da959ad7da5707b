"""The page of a study, its data, and its figures."""
