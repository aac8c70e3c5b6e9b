NAME = "suite_good"
