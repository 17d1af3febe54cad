"""The configuration of Kubernetes clients: for a fake API, or for a cluster that does not exist."""

from __future__ import annotations

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: fake
contexts: [{{name: fake, context: {{cluster: fake, user: fake}}}}]
clusters: [{{name: fake, cluster: {{server: "{url}"}}}}]
users: [{{name: fake, user: {{}}}}]
"""
NO_CLUSTER = KUBECONFIG.format(url="http://127.0.0.1:9")
