"""What every set of manifests must fulfil. Each function yields problems."""

import re

import kubernetes_validate
import yaml

import project

# The oldest version is that of Chart.yaml.
VERSIONS = (re.search(r"\d+\.\d+", yaml.safe_load(project.text("deploy/helm/latchkey/Chart.yaml"))["kubeVersion"])[0], "1.37")
# Objects of the Prometheus operator, whose schemas are not part of Kubernetes.
OF_OPERATOR = {"ServiceMonitor", "PrometheusRule"}
# Secrets that the operator creates.
EXTERNAL = {"latchkey", "auth-tls", "api-tls"}


def name(object):
    return f"{object['kind']} {object['metadata']['name']}"


def of_kind(objects, *kinds):
    return [object for object in objects if object["kind"] in kinds]


def pods(objects):
    """Yields each workload with the server that it runs, its pod and its container."""
    for object in of_kind(objects, "Deployment", "Job"):
        pod = object["spec"]["template"]["spec"]
        for container in pod["containers"]:
            server = container["name"] if container["name"] in project.SERVERS else "auth-server"
            yield object, server, pod, container


def environment(container, objects):
    """The variables of a container by name, with those of its config maps."""
    maps = {object["metadata"]["name"]: object["data"] for object in of_kind(objects, "ConfigMap")}
    variables = {}
    for source in container.get("envFrom", []):
        variables |= maps[source["configMapRef"]["name"]]
    return variables | {variable["name"]: variable["value"] for variable in container.get("env", [])}


def has_labels(labels, selector):
    return bool(selector) and selector.items() <= labels.items()


def valid(objects):
    """Every object has the schema of its kind, without unknown members."""
    for object in objects:
        if object["kind"] in OF_OPERATOR:
            if object["apiVersion"] != "monitoring.coreos.com/v1":
                yield f"{name(object)}: {object['apiVersion']}"
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(object, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{name(object)}, Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"


def settings_exist(objects):
    for object, server, _, container in pods(objects):
        for variable in environment(container, objects).keys() - project.settings(server):
            yield f"{name(object)}: docs/settings.md has no {variable} of {server}"


def probes_and_ports_exist(objects):
    for object, server, _, container in pods(objects):
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        variables = environment(container, objects)
        scheme = "HTTPS" if "TLS_CERT_FILE" in variables else "HTTP"
        if object["kind"] == "Deployment":
            expected = {"http": project.port(server)}
            if "METRICS_ADDR" in variables:
                expected["metrics"] = int(variables["METRICS_ADDR"].rsplit(":")[-1])
            if ports != expected:
                yield f"{name(object)}: ports {ports} instead of {expected}"
            for probe, path in [("startup", "/healthz"), ("liveness", "/healthz"), ("readiness", "/readyz")]:
                request = container[f"{probe}Probe"]["httpGet"]
                if request != {"path": path, "port": "http", "scheme": scheme} or path not in project.paths(server):
                    yield f"{name(object)}: the {probe} probe is {request}"
        for service in of_kind(objects, "Service"):
            if has_labels(object["spec"]["template"]["metadata"]["labels"], service["spec"]["selector"]):
                for port in service["spec"]["ports"]:
                    if port["targetPort"] not in ports:
                        yield f"{name(service)}: {name(object)} has no port {port['targetPort']}"


def pods_are_restricted(objects):
    """The profile `restricted` of the Pod Security Standards, a read-only file system, and no token of the cluster."""
    user = project.user()
    for object, _, pod, container in pods(objects):
        security, inner = pod["securityContext"], container["securityContext"]
        facts = {
            "runAsNonRoot": security["runAsNonRoot"],
            "user of the image": (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (user,) * 3,
            "seccompProfile": security["seccompProfile"] == {"type": "RuntimeDefault"},
            "allowPrivilegeEscalation": not inner["allowPrivilegeEscalation"],
            "readOnlyRootFilesystem": inner["readOnlyRootFilesystem"],
            "capabilities": inner["capabilities"] == {"drop": ["ALL"]},
            "automountServiceAccountToken": pod["automountServiceAccountToken"] is False,
            "enableServiceLinks": pod["enableServiceLinks"] is False,
            "volumes": all("secret" in volume for volume in pod.get("volumes") or []),
            "modes of secrets": all(volume["secret"]["defaultMode"] == 0o440 for volume in pod.get("volumes") or []),
            "memory limit": "memory" in container["resources"]["limits"],
        }
        yield from (f"{name(object)}: {fact}" for fact, holds in facts.items() if not holds)


def servers_stop_in_time(objects):
    for object, server, pod, container in pods(objects):
        if object["kind"] != "Deployment":
            continue
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        needed = pause + project.stop_seconds(server)
        if not pause or pod["terminationGracePeriodSeconds"] <= needed:
            yield f"{name(object)}: {pod['terminationGracePeriodSeconds']} s, and the server may take {needed} s"
        if container["resources"]["limits"]["memory"] != f"{project.memory_limit(server)}Mi":
            yield f"{name(object)}: another memory limit than in docker-compose.yml"


def secrets_are_files(objects):
    """Every file of a setting is mounted, and no secret is an environment variable."""
    for object, server, pod, container in pods(objects):
        volumes = {volume["name"]: volume["secret"] for volume in pod.get("volumes") or []}
        files = set()
        for mount in container.get("volumeMounts") or []:
            secret = volumes[mount["name"]]
            items = [item["path"] for item in secret["items"]] if "items" in secret else ["tls.crt", "tls.key"]
            files |= {f"{mount['mountPath']}/{item}" for item in items}
        variables = environment(container, objects)
        for variable, value in variables.items():
            if variable.endswith("_FILE") and value not in files:
                yield f"{name(object)}: {variable}={value} is not mounted"
            if f"{variable}_FILE" in project.settings(server):
                yield f"{name(object)}: {variable} is a secret"
        if unused := files - set(variables.values()):
            yield f"{name(object)}: no setting uses {unused}"


def references_exist(objects):
    """Names and selectors lead to other objects."""
    names = {name(object) for object in objects}
    services = {service["metadata"]["name"]: service for service in of_kind(objects, "Service")}
    labels = [object["spec"]["template"]["metadata"]["labels"] for object, *_ in pods(objects)]
    for object in objects:
        spec, wanted, selectors = object.get("spec", {}), [], []
        match object["kind"]:
            case "Deployment" | "Job":
                pod = spec["template"]["spec"]
                if account := pod.get("serviceAccountName"):
                    wanted.append(f"ServiceAccount {account}")
                secrets = {volume["secret"]["secretName"] for volume in pod.get("volumes") or []}
                wanted += [f"Secret {secret}" for secret in secrets - EXTERNAL]
                selectors += [spec["selector"]["matchLabels"]] if "selector" in spec else []
                selectors += [spread["labelSelector"]["matchLabels"] for spread in pod.get("topologySpreadConstraints", [])]
            case "Service":
                selectors.append(spec["selector"])
            case "PodDisruptionBudget":
                selectors.append(spec["selector"]["matchLabels"])
            case "NetworkPolicy":
                selectors.append(spec["podSelector"]["matchLabels"])
                peers = [peer for rule in spec.get("ingress", []) for peer in rule.get("from", [])]
                peers += [peer for rule in spec.get("egress", []) for peer in rule.get("to", [])]
                selectors += [peer["podSelector"]["matchLabels"] for peer in peers if "podSelector" in peer]
            case "HorizontalPodAutoscaler":
                wanted.append(f"Deployment {spec['scaleTargetRef']['name']}")
            case "Ingress":
                backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
                ports = [port["name"] for port in services[backend["name"]]["spec"]["ports"]]
                if backend["port"]["name"] not in ports:
                    yield f"{name(object)}: {backend['name']} has no port {backend['port']['name']}"
            case "ServiceMonitor":
                matching = [s for s in services.values() if has_labels(s["metadata"]["labels"], spec["selector"]["matchLabels"])]
                if len(matching) != 1 or matching[0]["spec"]["ports"][0]["name"] != spec["endpoints"][0]["port"]:
                    yield f"{name(object)}: selects {[name(service) for service in matching]}"
        yield from (f"{name(object)}: there is no {other}" for other in wanted if other not in names)
        yield from (
            f"{name(object)}: {selector} selects no pod"
            for selector in selectors
            if not any(has_labels(of_pod, selector) for of_pod in labels)
        )


def network_is_closed(objects):
    """A policy denies all other traffic of each pod, and rules name ports."""
    policies = of_kind(objects, "NetworkPolicy")
    for object, *_, container in pods(objects):
        labels = object["spec"]["template"]["metadata"]["labels"]
        closed = [p for p in policies if has_labels(labels, p["spec"]["podSelector"]["matchLabels"])]
        if not any(policy["spec"]["policyTypes"] == ["Ingress", "Egress"] for policy in closed):
            yield f"{name(object)}: no policy closes it"
        reachable = {port["port"] for p in closed for rule in p["spec"].get("ingress", []) for port in rule["ports"]}
        ports = {port["name"] for port in container.get("ports", [])}
        if reachable != ports:
            yield f"{name(object)}: policies allow {reachable}, and the pod has {ports}"
    for policy in policies:
        for rule in policy["spec"].get("ingress", []):
            if not rule.get("from"):
                yield f"{name(policy)}: every address may send to {rule['ports']}"


def alerts_find_the_servers(objects):
    """The alerts are those of deploy/prometheus/, and the jobs that they name exist."""
    for rule in of_kind(objects, "PrometheusRule"):
        if rule["spec"] != project.alerts():
            yield f"{name(rule)} differs from deploy/prometheus/rules.yml: run scripts/kubernetes.sh --write"
    monitors = of_kind(objects, "ServiceMonitor")
    jobs = {monitor["spec"]["endpoints"][0]["relabelings"][0]["replacement"] for monitor in monitors}
    if monitors and jobs != project.jobs():
        yield f"the jobs are {jobs}, and the alerts use {project.jobs()}"


RULES = {
    "are valid": valid,
    "use settings that exist": settings_exist,
    "have probes and ports of the servers": probes_and_ports_exist,
    "run restricted pods": pods_are_restricted,
    "give servers time to stop, and enough memory": servers_stop_in_time,
    "mount all secrets as files": secrets_are_files,
    "refer to objects that exist": references_exist,
    "close the network": network_is_closed,
    "have the alerts and jobs of Prometheus": alerts_find_the_servers,
}
