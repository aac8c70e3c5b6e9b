"""The component suite on the repository's own component."""

from shipmate.testing import component_suite

TestReferenceComponent = component_suite(answers={"/records": [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}]})
