"""The folders beside this file are components that are broken on purpose: they are checked, never imported as tests."""

collect_ignore_glob = ["*"]
