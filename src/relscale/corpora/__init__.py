"""Where text comes from: installed packages, files."""
