"""Reader of the objects and volumes of an application hub's profile.

Each key becomes objects that a server needs, items that are added to KubeSpawner's settings, or both.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from jhub.profiles.fields import MappingReader
from jhub.profiles.kubernetes_kinds import RBAC, read_manifests
from jhub.profiles.kubernetes_names import (
    DATA_KEY,
    LABEL,
    SEGMENT,
    SUBDOMAIN,
    name_error,
    read_mount,
    read_name,
    read_names,
    read_quantity,
)
from jhub.profiles.kubernetes_security import RBAC_GROUP, read_rule, read_subject, read_words
from jhub.profiles.model import KubernetesObject, Path
from jhub.profiles.problems import quote
from jhub.profiles.profiles_yaml import form_keys
from jhub.profiles.templates import USER_TEMPLATE, has_template, names_user
from jhub.profiles.yaml_tree import Mapping, Scalar

LIFETIME_KEYS = ("persist", "shared")
"""Keys of an entry whose objects are created. `shared` is jhub's own."""
MOUNT_KEYS = ("name", "mount_path", "sub_path")

CONFIG_MAP_KEYS = ("name", "key", "mount_path", "default_mode", "readonly", "content", *LIFETIME_KEYS)
VOLUME_KEYS = (
    "name",
    "claim_name",
    "size",
    "storage_class",
    "access_modes",
    "annotations",
    "volume_mount",
    *LIFETIME_KEYS,
)
PULL_SECRET_KEYS = ("name", "data", *LIFETIME_KEYS)
INIT_CONTAINER_KEYS = ("name", "image", "command", "volume_mounts")
ROLE_BINDING_KEYS = ("name", "subjects", "role", *LIFETIME_KEYS)
ROLE_KEYS = ("name", "resources", "verbs", "api_groups")
MANIFESTS_KEYS = ("name", "key", "content", *LIFETIME_KEYS)

ACCESS_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
FILE_MODE = re.compile(r"(0o?)?([0-7]{1,3})")
"""An octal file mode."""


class PodReader:
    """The objects of a profile, and the items that are added to KubeSpawner's settings."""

    def __init__(self, reader: MappingReader, slug: str) -> None:
        """Read all of them from the mapping of a profile, in the order in which the objects are created."""
        self.slug = slug
        self.objects: dict[tuple[str, str], KubernetesObject] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        self.mounts: dict[str, dict[str, Any]] = {}
        self.containers: list[dict[str, Any]] = []
        self.pull_secrets: list[dict[str, Any]] = []
        self.env_from: list[dict[str, Any]] = []
        self._read_config_maps(reader)
        self._read_secret_mounts(reader)
        self._read_pull_secrets(reader)
        self._read_volumes(reader)
        self._read_init_containers(reader)
        self._read_role_bindings(reader)
        self._read_manifests(reader)
        for key, field in (("env_from_config_maps", "configMapRef"), ("env_from_secrets", "secretRef")):
            self.env_from += [{field: {"name": name}} for name in read_names(reader, key)]

    @property
    def additions(self) -> dict[str, Any]:
        """The items to add to KubeSpawner's settings, without empty lists."""
        additions = {
            "volumes": list(self.volumes.values()),
            "volume_mounts": list(self.mounts.values()),
            "init_containers": self.containers,
            "image_pull_secrets": self.pull_secrets,
            "extra_container_config": {"envFrom": self.env_from} if self.env_from else {},
        }
        return {name: items for name, items in additions.items() if items}

    def _add_object(self, entry: MappingReader, path: Path, manifest: dict[str, Any]) -> None:
        """Add an object, once: several entries may describe the same one."""
        shared = entry.flag("shared")
        persist = entry.flag("persist", default=True)
        if shared and not persist:
            entry.error("persist", "an object with `shared: true` is never removed: remove `persist: false`")
        if shared and names_user(manifest):
            entry.error("shared", f"an object with `shared: true` is the same for all, and cannot have {USER_TEMPLATE}")
        if not manifest["metadata"]["name"]:
            return
        item = KubernetesObject(manifest=manifest, persist=persist, shared=shared, path=(self.slug, *path))
        same = self.objects.setdefault((item.kind, item.name), item)
        if same.manifest != manifest or same.shared != shared:
            entry.log.error(entry.node.line, f"{entry.label}: another {item.kind} has the name {quote(item.name)}")
        elif persist and not same.persist:
            self.objects[item.kind, item.name] = item

    def _add_volume(self, entry: MappingReader, volume: dict[str, Any], mount: dict[str, Any], key: str) -> None:
        """Add a volume and its mount; `key` is that of the mount's path."""
        if volume["name"] and self.volumes.setdefault(volume["name"], volume) != volume:
            entry.error("name", f"another volume has the name {quote(volume['name'])}")
        if mount.get("mountPath") and self.mounts.setdefault(mount["mountPath"], mount) != mount:
            entry.error(key, f"another volume is mounted at {quote(mount['mountPath'])}")

    def _read_config_maps(self, reader: MappingReader) -> None:
        for index, entry in _entries(reader, "config_maps", CONFIG_MAP_KEYS):
            name, key = read_name(entry, "name"), read_name(entry, "key", DATA_KEY)
            mode = _read_mode(entry)
            is_mounted, is_read_only = "mount_path" in entry, entry.flag("readonly")
            if "content" in entry:
                manifest = _manifest("v1", "ConfigMap", name, data={key: entry.text("content")})
                self._add_object(entry, ("config_maps", index), manifest)
            elif not is_mounted:
                entry.warn("name", "has no effect without `content` and `mount_path`")
            if is_mounted:
                source = {"name": name} if mode is None else {"name": name, "defaultMode": mode}
                mount: dict[str, Any] = {"name": name, **read_mount(entry), "subPath": key}
                if is_read_only:
                    mount["readOnly"] = True
                self._add_volume(entry, {"name": _volume_name(entry), "configMap": source}, mount, "mount_path")

    def _read_secret_mounts(self, reader: MappingReader) -> None:
        for _, entry in _entries(reader, "secret_mounts", MOUNT_KEYS):
            name = read_name(entry, "name")
            volume = {"name": _volume_name(entry), "secret": {"secretName": name}}
            self._add_volume(entry, volume, {"name": name, **read_mount(entry)}, "mount_path")

    def _read_pull_secrets(self, reader: MappingReader) -> None:
        for index, entry in _entries(reader, "image_pull_secrets", PULL_SECRET_KEYS):
            name, data = read_name(entry, "name"), entry.text("data").strip()
            if data:
                if not _is_docker_config(data):
                    # The value is a secret, and this message may end in a log.
                    entry.error("data", "`data` must be a Docker configuration (JSON) in base64")
                content = {".dockerconfigjson": data}
                manifest = _manifest("v1", "Secret", name, type="kubernetes.io/dockerconfigjson", data=content)
                self._add_object(entry, ("image_pull_secrets", index), manifest)
            if {"name": name} not in self.pull_secrets:
                self.pull_secrets.append({"name": name})

    def _read_volumes(self, reader: MappingReader) -> None:
        for index, entry in _entries(reader, "volumes", VOLUME_KEYS):
            claim, size = read_name(entry, "claim_name"), read_quantity(entry, "size")
            modes = read_words(entry, "access_modes", ACCESS_MODES)
            spec: dict[str, Any] = {"accessModes": modes, "resources": {"requests": {"storage": size}}}
            if storage_class := entry.text("storage_class"):
                spec["storageClassName"] = storage_class
                if error := name_error(storage_class, SUBDOMAIN):
                    entry.error("storage_class", f"`storage_class` {error}")
            annotations = entry.texts("annotations")
            more = {"annotations": annotations} if annotations else {}
            manifest = _manifest("v1", "PersistentVolumeClaim", claim, more, spec=spec)
            self._add_object(entry, ("volumes", index), manifest)
            volume = {"name": read_name(entry, "name", LABEL), "persistentVolumeClaim": {"claimName": claim}}
            self._add_volume(entry, volume, _read_volume_mount(entry), "volume_mount")

    def _read_init_containers(self, reader: MappingReader) -> None:
        names: set[str] = set()
        for _, entry in _entries(reader, "init_containers", INIT_CONTAINER_KEYS):
            name = read_name(entry, "name", LABEL)
            if name in names:
                entry.error("name", f"another container has the name {quote(name)}")
            names.add(name)
            container: dict[str, Any] = {"name": name, "image": entry.required_text("image")}
            if command := entry.names("command", may_be_empty=True):
                container["command"] = list(command)
            mounts = [
                {"name": read_name(mount, "name", LABEL), **read_mount(mount)}
                for _, mount in _entries(entry, "volume_mounts", MOUNT_KEYS)
            ]
            if mounts:
                container["volumeMounts"] = mounts
            self.containers.append(container)

    def _read_role_bindings(self, reader: MappingReader) -> None:
        bindings: list[tuple[MappingReader, Path, dict[str, Any]]] = []
        for index, entry in _entries(reader, "role_bindings", ROLE_BINDING_KEYS):
            path: Path = ("role_bindings", index)
            name = read_name(entry, "name", SEGMENT)
            subjects = [read_subject(subject) for _, subject in _entries(entry, "subjects", ("name", "kind"))]
            if not subjects:
                entry.error("subjects", "needs `subjects`")
            role = entry.mapping("role")
            if role is None:
                if "role" not in entry:
                    entry.error("role", "needs a `role`")
                continue
            role = _without_nulls(role, ROLE_KEYS)
            role_name = read_name(role, "name", SEGMENT)
            rule = read_rule(role, "api_groups")
            self._add_object(entry, path, _manifest(RBAC, "Role", role_name, rules=[rule]))
            reference = {"apiGroup": RBAC_GROUP, "kind": "Role", "name": role_name}
            binding = _manifest(RBAC, "RoleBinding", name, roleRef=reference, subjects=subjects)
            bindings.append((entry, path, binding))
        for entry, path, binding in bindings:
            self._add_object(entry, path, binding)

    def _read_manifests(self, reader: MappingReader) -> None:
        for index, entry in _entries(reader, "manifests", MANIFESTS_KEYS):
            for number, manifest in read_manifests(entry, "content"):
                self._add_object(entry, ("manifests", index, "content", str(number)), manifest)


def _entries(reader: MappingReader, key: str, known: tuple[str, ...]) -> Iterator[tuple[str, MappingReader]]:
    """Yield the index and a reader of each entry in a list. Null counts as missing."""
    for index, entry in enumerate(reader.mapping_list(key)):
        yield str(index), _without_nulls(entry, known)


def _without_nulls(reader: MappingReader, known: tuple[str, ...]) -> MappingReader:
    """Report the keys that are not `known`, and return a reader without those that are null."""
    form_keys(reader, known, "it has no effect")
    return MappingReader(reader.log, drop_nulls(reader.node), reader.label)


def drop_nulls(node: Mapping, keys: tuple[str, ...] | None = None) -> Mapping:
    """Return a mapping without its keys that are null, or without those of them in `keys`."""
    entries = {
        key: value
        for key, value in node.entries.items()
        if not (isinstance(value, Scalar) and value.value is None and (keys is None or key in keys))
    }
    return Mapping(node.line, entries, node.lines)


def _manifest(
    api_version: str, kind: str, name: str, metadata: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **(metadata or {})}, **more}


def _volume_name(entry: MappingReader) -> str:
    """Return the name of an object that is mounted, which is also the name of its volume."""
    name = entry.text("name")
    if name and not name_error(name, SUBDOMAIN) and (error := name_error(name, LABEL)):
        entry.error("name", f"`name` of an object that is mounted {error}")
    return name


def _read_volume_mount(entry: MappingReader) -> dict[str, Any]:
    mount = entry.mapping("volume_mount")
    if mount is None:
        if "volume_mount" not in entry:
            entry.error("volume_mount", "needs a `volume_mount`")
        return {}
    mount = _without_nulls(mount, MOUNT_KEYS)
    return {"name": read_name(mount, "name", LABEL), **read_mount(mount)}


def _read_mode(entry: MappingReader) -> int | None:
    """Return the file mode of a config map; None if there is none."""
    text = entry.text("default_mode")
    if not text:
        return None
    found = FILE_MODE.fullmatch(text)
    if found is None:
        entry.error("default_mode", f"`default_mode` must be an octal file mode such as 0660, not {quote(text)}")
        return None
    return int(found[2], 8)


def _is_docker_config(data: str) -> bool:
    """Return whether a text is JSON in base64, as far as templates let it be known."""
    if has_template(data):
        return True
    try:
        return isinstance(json.loads(base64.b64decode(data.replace("\n", ""), validate=True)), dict)
    except (binascii.Error, ValueError, RecursionError):
        return False
