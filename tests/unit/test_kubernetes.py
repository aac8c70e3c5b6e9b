"""The manifests are valid, restricted, and fit each other and the runtime."""

import inspect
import json
import re
from typing import Any

import pytest

from shipmate.container.operations import watch
from shipmate.settings import StepSettings
from tests.manifests import DEPLOY, ROOT, Manifest, objects, only, problems, rendered, schema_of

FOLDERS = ("base", "example", "monitoring")
FILES = [pytest.param(manifest, id=str(file.relative_to(DEPLOY))) for file, manifest in objects()]


@pytest.mark.parametrize("manifest", FILES)
def test_every_object_fulfils_the_schema_of_its_version(manifest: Manifest) -> None:
    """Kubernetes drops a member that it does not know, so that a slip of the pen has no effect and no error."""
    assert problems(schema_of(manifest), manifest) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_kustomize_makes_fulfils_the_schemas(folder: str) -> None:
    """Patches, labels and generated objects included."""
    for manifest in rendered(folder):
        assert problems(schema_of(manifest), manifest) == [], manifest["kind"]


@pytest.mark.parametrize("manifest", FILES)
def test_a_slip_of_the_pen_is_found(manifest: Manifest) -> None:
    """Guards the tests above: each schema refuses an unknown member and a list in place of an object."""
    schema = schema_of(manifest)
    inner = "spec" if "spec" in manifest else "metadata"
    assert problems(schema, {**manifest, inner: {**manifest[inner], "replica": 3}}) != []
    assert problems(schema, {**manifest, inner: [manifest[inner]]}) != []


def test_all_kinds_of_objects_are_there() -> None:
    """Guards the tests above against finding nothing to check."""
    kinds = {manifest["kind"] for _, manifest in objects()}
    assert kinds >= {"Deployment", "PodDisruptionBudget", "NetworkPolicy", "ScaledObject", "TriggerAuthentication"}
    assert kinds >= {"PodMonitor", "PrometheusRule", "ServiceAccount"}
    assert "Secret" not in kinds  # secrets do not belong in a repository


def test_a_step_fulfils_the_restricted_pod_security_standard() -> None:
    """And more: no writable root, no token of the cluster, no services in its environment.

    Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """
    pod = only(rendered("example"), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert "USER 10001:10001" in (ROOT / "Dockerfile").read_text()
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert {kind for volume in pod["volumes"] for kind in volume.keys() - {"name"}} == {"configMap", "emptyDir"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"memory"} <= container["resources"]["limits"].keys()
    assert not any("hostPort" in port for port in container["ports"])


def _environ(manifests: list[Manifest]) -> dict[str, str]:
    """Return the variables of a step's container; those of its Secrets are made up."""
    (container,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert [each["configMapRef"]["name"] for each in container["envFrom"] if "configMapRef" in each] == [
        only(manifests, "ConfigMap")["metadata"]["name"]
    ]
    secrets = {
        "ELASTICIO_API_USERNAME": "user",
        "ELASTICIO_API_KEY": "key",
        "ELASTICIO_AMQP_URI": "amqps://user:password@rabbitmq.rabbitmq.svc:5671/",
        "ELASTICIO_MESSAGE_CRYPTO_PASSWORD": "password",
        "ELASTICIO_MESSAGE_CRYPTO_IV": "sixteen bytes ok",
    }
    named = (DEPLOY / "README.md").read_text()
    assert [name for name in secrets if name not in named] == []
    own = {each["name"]: each.get("value", "pod") for each in container["env"]}
    return {**only(manifests, "ConfigMap")["data"], **secrets, **own}


def test_a_step_has_every_variable_that_it_needs() -> None:
    """Read as the container reads them; the container's own id comes from Kubernetes."""
    settings = StepSettings.from_environ(_environ(rendered("example")))
    assert settings.broker.prefetch == 10
    assert settings.flow.function in json.loads((ROOT / "component.json").read_text())["actions"]


def _selectors(value: Any) -> list[Any]:
    """Return all selectors of pods in an object, at any depth."""
    if isinstance(value, list):
        return [found for each in value for found in _selectors(each)]
    if not isinstance(value, dict):
        return []
    found = [each for name, each in value.items() if name in ("selector", "podSelector", "labelSelector")]
    return found + [inner for each in value.values() for inner in _selectors(each)]


def test_every_selector_means_the_pods_of_this_step() -> None:
    """An empty one would mean all pods of the namespace, and one with too many labels none."""
    manifests = rendered("example")
    labels = only(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    wanted = {"app.kubernetes.io/name": "shipmate-step", "app.kubernetes.io/instance": "send"}
    assert wanted.items() <= labels.items()

    for kind in ("Deployment", "PodDisruptionBudget", "NetworkPolicy"):
        found = _selectors(only(manifests, kind)["spec"])
        assert found, kind
        assert all(each == {"matchLabels": wanted} for each in found), kind


def test_prometheus_finds_the_port_of_every_step() -> None:
    """The monitor is made once for a namespace, the network policy for each step."""
    (container,) = only(rendered("example"), "Deployment")["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    environ = {each["name"]: each.get("value") for each in container["env"]}
    assert str(port["containerPort"]) == environ["SHIPMATE_HTTP_PORT"]
    monitor = only(rendered("monitoring"), "PodMonitor")["spec"]
    assert [each["port"] for each in monitor["podMetricsEndpoints"]] == [port["name"]]
    assert monitor["selector"] == {"matchLabels": {"app.kubernetes.io/name": "shipmate-step"}}
    (rule,) = only(rendered("example"), "NetworkPolicy")["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [port["name"]]
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {each["port"] for each in probes.values()} == {port["name"]}
    pages = re.findall(r'"(/\w+)": self\.', inspect.getsource(watch))
    assert {each["path"] for each in (*probes.values(), *monitor["podMetricsEndpoints"])} == set(pages)


def test_a_container_has_time_to_end_in_order() -> None:
    """Longer than the runtime tries to publish after SIGTERM."""
    pod = only(rendered("example"), "Deployment")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > 10


def test_keda_scales_the_step_by_its_own_queue() -> None:
    """Names follow the prefix of the overlay, and the queue is the one that the containers consume."""
    manifests = rendered("example")
    deployment, scaled = only(manifests, "Deployment"), only(manifests, "ScaledObject")["spec"]
    (trigger,) = scaled["triggers"]
    assert scaled["scaleTargetRef"]["name"] == deployment["metadata"]["name"] == "send-step"
    assert trigger["metadata"]["queueName"] == _environ(manifests)["ELASTICIO_LISTEN_MESSAGES_ON"]
    assert trigger["authenticationRef"]["name"] == only(manifests, "TriggerAuthentication")["metadata"]["name"]
    assert "replicas" not in deployment["spec"]  # `kubectl apply` would undo what KEDA has decided
    assert scaled["minReplicaCount"] == 0
    prefetch = StepSettings.from_environ(_environ(manifests)).broker.prefetch
    assert float(trigger["metadata"]["value"]) >= 2 * prefetch


def test_keda_counts_messages_in_work() -> None:
    """A step whose only messages are in work must not be scaled down to nothing; over AMQP KEDA does not see them.

    Source: https://keda.sh/docs/2.16/scalers/rabbitmq-queue/
    """
    (trigger,) = only(rendered("example"), "ScaledObject")["spec"]["triggers"]
    assert trigger["metadata"]["protocol"] == "http"
    assert trigger["metadata"]["excludeUnacknowledged"] == "false"


def test_the_broker_is_reached_over_tls_only_with_the_private_authority() -> None:
    """The certificates of one ConfigMap count for the containers and for KEDA."""
    manifests = rendered("example")
    pod = only(manifests, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (volume,) = (each for each in pod["volumes"] if "configMap" in each)
    (mount,) = (each for each in container["volumeMounts"] if each["name"] == volume["name"])
    environ = _environ(manifests)
    keys = {
        each["parameter"]: (each["name"], each["key"])
        for each in only(manifests, "TriggerAuthentication")["spec"]["configMapTargetRef"]
    }
    assert environ["NODE_EXTRA_CA_CERTS"] == f"{mount['mountPath']}/{keys['ca'][1]}"
    assert volume["configMap"]["name"] == keys["ca"][0]
    ports = [port["port"] for rule in only(manifests, "NetworkPolicy")["spec"]["egress"] for port in rule["ports"]]
    assert sorted(ports) == [53, 53, 443, 5671]  # not 5672
