"""Sources of text: installed packages, files and data sets of the hub."""
