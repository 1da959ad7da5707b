"""The user's machines: checking one, describing one, and merging several."""
