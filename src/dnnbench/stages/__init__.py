"""What the scripts in workflow/scripts share."""
