"""The test kit for authors of components: a pytest plugin with fixtures, and a suite of checks for any component.

    plugin                                  component, oauth2_provider, platform, container, flow, rabbitmq
    subject  emissions                      call the component's functions in this process, and record their events
    container  container_process            run the component as ``shipmate run``, at a real RabbitMQ
    flow                                    run a whole flow once
    routes  provider  isolation             lead its requests to emulated servers; keep components apart
    suite  checks  token_checks  calls      the checks of `component_suite`, and the calls that they make
    trial  samples  api  verdict            one component with emulated surroundings and sample inputs
    scrubbing                               take secrets out of recordings of vcrpy

Modules are imported on first use: pytest imports the plugin in every run on a machine with shipmate.
"""

from typing import TYPE_CHECKING

from shipmate.faces import lazy_face

if TYPE_CHECKING:
    from shipmate.testing.container import ContainerUnderTest
    from shipmate.testing.emissions import Emissions
    from shipmate.testing.flow import FlowRun, FlowUnderTest
    from shipmate.testing.scrubbing import scrubbed
    from shipmate.testing.subject import ComponentUnderTest
    from shipmate.testing.suite import component_suite

__all__ = [
    "ComponentUnderTest",
    "ContainerUnderTest",
    "Emissions",
    "FlowRun",
    "FlowUnderTest",
    "component_suite",
    "scrubbed",
]


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_face(
        __name__,
        __all__,
        {
            "ComponentUnderTest": "shipmate.testing.subject",
            "ContainerUnderTest": "shipmate.testing.container",
            "Emissions": "shipmate.testing.emissions",
            "FlowRun": "shipmate.testing.flow",
            "FlowUnderTest": "shipmate.testing.flow",
            "component_suite": "shipmate.testing.suite",
            "scrubbed": "shipmate.testing.scrubbing",
        },
    )
