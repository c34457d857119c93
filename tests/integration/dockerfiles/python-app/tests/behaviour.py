import unittest

from shelf import app


class Test(unittest.TestCase):
    def test_it_is_callable(self):
        self.assertTrue(callable(app.application))
