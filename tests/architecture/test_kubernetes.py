"""No cluster runs here, so the manifests are held against Kubernetes' schemas and our own code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from temporalio.envconfig import ClientConfigProfile
from typer.core import TyperGroup

from domain.directory import load_directory
from domain.policy import load_policy
from starters.cli import app
from store.database import checked_url
from workers.settings import Settings, secret_variables
from workers.worker import _GRACE

ROOT = Path(__file__).parents[2]
BASE, EXAMPLE = (ROOT / "deploy" / "kubernetes" / name for name in ("base", "example"))
VERSIONS = ("1.34", "1.37")
"""The oldest Kubernetes that the manifests are for, and the newest whose schemas are there."""
OF_LIBRARIES = {"FORWARDED_ALLOW_IPS": "uvicorn's", "DATABASE_ADDRESS": "STEWARD_DATABASE_URL's"}
SETTINGS = {f"STEWARD_{field.upper()}" for field in Settings.model_fields}


def documents(folder: Path) -> list[dict[str, Any]]:
    return [
        document
        for file in sorted(folder.glob("*.yaml"))
        if file.name != "kustomization.yaml"
        for document in yaml.safe_load_all(file.read_text())
    ]


def kustomization(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return told


MANIFESTS = documents(BASE)
PODS = {
    manifest["metadata"]["name"]: manifest["spec"]["template"]
    for manifest in MANIFESTS
    if manifest["kind"] in {"Deployment", "Job"}
}
SERVERS = [name for name in PODS if name != "steward-setup"]


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = (m for m in MANIFESTS if (m["kind"], m["metadata"]["name"]) == (kind, name))
    return found


def container(pod: str) -> dict[str, Any]:
    (only,) = PODS[pod]["spec"]["containers"]
    return dict(only)


def variables(pod: str) -> dict[str, str]:
    """The variables that a part is given, those of the overlay's patches among them."""
    given: dict[str, str] = {}
    for source in container(pod)["envFrom"]:
        given |= named("ConfigMap", source["configMapRef"]["name"])["data"]
    given |= {each["name"]: each["value"] for each in container(pod)["env"] if "value" in each}
    for patch in documents(EXAMPLE):
        if patch["kind"] == "ConfigMap":
            given |= patch["data"]
        elif patch["metadata"]["name"] == pod:
            (changed,) = patch["spec"]["template"]["spec"]["containers"]
            assert changed["name"] == container(pod)["name"]
            given |= {each["name"]: each["value"] for each in changed["env"]}
    # A value names only what stands before it in the same list, never what comes from `envFrom`.
    before: set[str] = set()
    for each in container(pod)["env"]:
        for name in re.findall(r"\$\((\w+)\)", each.get("value", "")):
            assert name in before
            given[each["name"]] = given[each["name"]].replace(f"$({name})", given[name])
        before.add(each["name"])
    return given


def is_read(variable: str) -> bool:
    if variable.startswith("TEMPORAL_"):
        profile = ClientConfigProfile.load(disable_file=True, override_env_vars={variable: "true"})
        return profile != ClientConfigProfile.load(disable_file=True, override_env_vars={})
    is_file = variable.endswith("_FILE") and variable.removesuffix("_FILE") in secret_variables()
    return is_file or variable in SETTINGS | OF_LIBRARIES.keys()


# --- what Kubernetes says -------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_each_manifest_is_one_that_kubernetes_takes(version: str) -> None:
    import kubernetes_validate  # noqa: PLC0415  seconds, which none else shall spend

    whole = [*MANIFESTS, *(m for m in documents(EXAMPLE) if m["kind"] == "Namespace")]
    for manifest in whole:
        kubernetes_validate.validate(manifest, version, strict=True)
    misspelt = {**named("Service", "steward-api"), "specs": {}}
    with pytest.raises(kubernetes_validate.ValidationError, match="specs"):
        kubernetes_validate.validate(misspelt, version, strict=True)


def test_the_kustomizations_name_what_there_is() -> None:
    base, example = kustomization(BASE), kustomization(EXAMPLE)
    there = {file.name for file in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(base["resources"]) == there
    (files,) = base["configMapGenerator"]
    assert all((BASE / name).exists() for name in files["files"])
    assert load_policy(BASE / "policy.toml").name == "company"
    assert {patch["path"] for patch in example["patches"]} | {"namespace.yaml"} == {
        file.name for file in EXAMPLE.glob("*.yaml")
    } - {"kustomization.yaml"}
    assert (EXAMPLE / "../base").resolve() in [
        (EXAMPLE / resource).resolve() for resource in example["resources"]
    ]
    for patch in documents(EXAMPLE):
        if patch["kind"] != "Namespace":
            named(patch["kind"], patch["metadata"]["name"])
    (image,) = example["images"]
    assert {container(pod)["image"] for pod in PODS} == {image["name"]}


# --- what Steward says ----------------------------------------------------------------------------


@pytest.mark.parametrize("pod", PODS)
def test_a_part_is_given_a_command_and_variables_that_it_reads(pod: str) -> None:
    program, verb, *arguments = container(pod)["args"]
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    assert program == "steward"
    group.commands[verb].make_context(verb, list(arguments))
    assert pod == f"steward-{verb}"
    assert [variable for variable in variables(pod) if not is_read(variable)] == []
    assert not is_read("STEWARD_DATABASE")


@pytest.mark.parametrize("pod", PODS)
def test_every_file_that_a_part_is_told_of_is_mounted(pod: str) -> None:
    example = {each["name"]: each["files"] for each in kustomization(EXAMPLE)["secretGenerator"]}
    volumes = {volume["name"]: volume for volume in PODS[pod]["spec"]["volumes"]}
    there: set[str] = set()
    for mount in container(pod)["volumeMounts"]:
        volume = volumes.pop(mount["name"])
        names: list[str] = []
        if "secret" in volume:
            made = example[volume["secret"]["secretName"]]
            keys = [re.sub(r"=.*", "", each).removeprefix("secrets/") for each in made]
            assert volume["secret"]["defaultMode"] == 0o440
            wanted = volume["secret"].get("items")
            names = [item["path"] for item in wanted] if wanted else keys
            assert set(names) <= set(keys)
        elif "configMap" in volume:
            (files,) = kustomization(BASE)["configMapGenerator"]
            assert volume["configMap"]["name"] == files["name"]
            names = files["files"]
        there |= {f"{mount['mountPath']}/{name}" for name in names}
        assert mount.get("readOnly") or mount["mountPath"] == "/tmp"  # noqa: S108  the container's own
    assert volumes == {}
    assert {value for value in variables(pod).values() if value.startswith("/")} <= there


def test_an_overlay_says_where_the_database_is_in_one_place_and_has_files_of_its_own() -> None:
    (settings,) = (each for each in documents(EXAMPLE) if each["kind"] == "ConfigMap")
    address = settings["data"]["DATABASE_ADDRESS"]
    for pod in PODS:
        (source,) = (each["valueFrom"] for each in container(pod)["env"] if "valueFrom" in each)
        assert source == {
            "configMapKeyRef": {"name": settings["metadata"]["name"], "key": "DATABASE_ADDRESS"}
        }
        assert variables(pod)["STEWARD_DATABASE_URL"].endswith(f"@{address}")
    (base,), (own,) = (kustomization(each)["configMapGenerator"] for each in (BASE, EXAMPLE))
    assert own == {**base, "behavior": "merge"}
    assert load_policy(EXAMPLE / "policy.toml").name == "company"
    assert load_directory(EXAMPLE / "directory.toml").area_managers


def test_only_setup_comes_as_the_owner_of_the_schema() -> None:
    for pod in PODS:
        user = "steward" if pod == "steward-setup" else "steward_app"
        assert f"//{user}@" in variables(pod)["STEWARD_DATABASE_URL"]
        checked_url(variables(pod)["STEWARD_DATABASE_URL"])
        assert ("/run/secrets/owner" in str(container(pod))) is (pod == "steward-setup")


@pytest.mark.parametrize("pod", PODS)
def test_a_part_can_write_nothing_and_become_nobody_else(pod: str) -> None:
    spec = PODS[pod]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    uid, gid = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)[-1]
    assert [spec["securityContext"][name] for name in ("runAsUser", "runAsGroup", "fsGroup")] == [
        int(uid),
        int(gid),
        int(gid),
    ]
    assert spec["automountServiceAccountToken"] is False
    assert container(pod)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container(pod)["resources"]["requests"].keys() == {"cpu", "memory"}
    assert container(pod)["resources"]["limits"].keys() == {"memory"}


@pytest.mark.parametrize("pod", SERVERS)
def test_a_part_that_runs_is_asked_how_it_is_and_has_time_to_end(pod: str) -> None:
    asked = container(pod)
    (port,) = asked["ports"]
    assert asked["startupProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert asked["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert asked["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    listens = variables(pod).get("STEWARD_WORKER_LISTEN") or ":".join(asked["args"])
    assert listens.endswith(f":{port['containerPort']}")
    grace = PODS[pod]["spec"]["terminationGracePeriodSeconds"]
    assert grace > 2 * _GRACE.total_seconds()


@pytest.mark.parametrize("pod", SERVERS)
def test_there_are_two_of_each_and_one_is_always_there(pod: str) -> None:
    deployment, labels = named("Deployment", pod), PODS[pod]["metadata"]["labels"]
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    budget = named("PodDisruptionBudget", pod)["spec"]
    assert budget["minAvailable"] == 1
    (spread,) = PODS[pod]["spec"]["topologySpreadConstraints"]
    for selector in (deployment["spec"]["selector"], budget["selector"], spread["labelSelector"]):
        assert selector["matchLabels"].items() <= labels.items()


def test_the_network_lets_in_what_has_to_come_in() -> None:
    (common,) = kustomization(BASE)["labels"]
    assert common["includeTemplates"] is True, "the policies find pods by these labels"
    policies = {m["metadata"]["name"]: m["spec"] for m in MANIFESTS if m["kind"] == "NetworkPolicy"}
    assert policies["steward-nothing"]["policyTypes"] == ["Ingress", "Egress"]
    assert policies["steward-nothing"].keys() == {"podSelector", "policyTypes"}
    for name in ("steward-nothing", "steward-outwards"):
        assert policies[name]["podSelector"]["matchLabels"].items() <= common["pairs"].items()
    for pod in SERVERS:
        (rule,) = policies[pod]["ingress"]
        assert [port["port"] for port in rule["ports"]] == [container(pod)["ports"][0]["name"]]
        assert policies[pod]["podSelector"]["matchLabels"] == PODS[pod]["metadata"]["labels"]
    service = named("Service", "steward-api")["spec"]
    assert service["selector"] == PODS["steward-api"]["metadata"]["labels"]
    assert service["ports"][0]["targetPort"] == container("steward-api")["ports"][0]["name"]
    (out,) = (rule for rule in policies["steward-outwards"]["egress"] if "to" in rule)
    outwards = {port["port"] for port in out["ports"]}
    assert 4318 in outwards, "traces leave over http/protobuf"
    for url in (
        variables("steward-worker")[v] for v in ("TEMPORAL_ADDRESS", "STEWARD_JOB_SYSTEM_URL")
    ):
        assert int(re.findall(r":(\d+)$", url)[0] if re.search(r":\d+$", url) else 443) in outwards
