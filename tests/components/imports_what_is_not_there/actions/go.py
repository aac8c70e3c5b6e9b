import a_module_that_nobody_has

__all__ = ["a_module_that_nobody_has"]
