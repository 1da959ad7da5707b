"""Code shared by the scripts in workflow/scripts."""
