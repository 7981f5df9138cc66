{{/* What both servers have in common. */}}

{{/* Prefix of all names: the release, with the name of the chart if the release has another one. */}}
{{- define "latchkey.prefix" -}}
{{- if contains "latchkey" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-latchkey" (.Release.Name | trunc 31 | trimSuffix "-") }}{{ end }}
{{- end }}

{{/* Labels that never change, because selectors contain them. */}}
{{- define "latchkey.selector" -}}
app.kubernetes.io/name: latchkey
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "latchkey.labels" -}}
{{ include "latchkey.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "latchkey.secretName" -}}
{{ .Values.secret.existing | default (include "latchkey.prefix" .) }}
{{- end }}

{{/*
The enabled servers. Each has `values`, and what differs between the two: `component`, `name`, `port`, `job` (the name that the
alerts use), `keys` (of the secret) and `env`.
*/}}
{{- define "latchkey.servers" -}}
{{- $prefix := include "latchkey.prefix" . }}
{{- $keys := .Values.secret.keys }}
{{- if not .Values.secret.existing }}{{ $keys = keys .Values.secret.values | sortAlpha }}{{ end }}
{{- $feed := list }}
{{- if has "revocation_feed_token" $keys }}{{ $feed = list "revocation_feed_token" }}{{ end }}
{{- $servers := list (dict "component" "auth-server" "port" 8080 "job" "latchkey-auth" "keys" $keys "values" .Values.authServer) }}
{{- if .Values.resourceServer.enabled }}
{{- $api := dict "component" "resource-server" "port" 8081 "job" "latchkey-resource" "keys" $feed "values" .Values.resourceServer }}
{{- $servers = append $servers $api }}
{{- end }}
{{- range $server := $servers }}
{{- $env := dict "ISSUER" $.Values.issuer }}
{{- with $.Values.trustedProxies }}{{ $_ := set $env "TRUSTED_PROXIES" . }}{{ end }}
{{- range .keys }}{{ $_ := set $env (printf "%s_FILE" (upper .)) (printf "/run/secrets/latchkey/%s" .) }}{{ end }}
{{- if .values.tls.secretName }}
{{- $_ := set $env "TLS_CERT_FILE" "/run/secrets/tls/tls.crt" }}
{{- $_ := set $env "TLS_KEY_FILE" "/run/secrets/tls/tls.key" }}
{{- end }}
{{- if $.Values.metrics.enabled }}{{ $_ := set $env "METRICS_ADDR" "0.0.0.0:9464" }}{{ end }}
{{- range $name, $value := .values.settings }}{{ $_ := set $env $name $value }}{{ end }}
{{- $_ := set $server "env" $env }}
{{- $_ := set $server "name" (printf "%s-%s" $prefix .component) }}
{{- $_ := set $server "scheme" (empty .values.tls.secretName | ternary "HTTP" "HTTPS") }}
{{- end }}
{{- $servers | toJson }}
{{- end }}

{{/* The value of a setting as text. Helm reads all numbers as floating-point ones: 1000000 must not become 1e+06. */}}
{{- define "latchkey.text" -}}
{{- if kindIs "string" . }}{{ . | quote }}{{ else }}{{ toJson . | quote }}{{ end }}
{{- end }}

{{- define "latchkey.image" -}}
{{ printf "%s:%s" .image.repository (.image.tag | default .root.Chart.AppVersion) }}
{{- end }}

{{/* Ports of a NetworkPolicy's rule, and its peers. Without peers every address is allowed. */}}
{{- define "latchkey.from" -}}
- ports: {{ .ports | toJson }}
  {{- with .peers }}
  from: {{ toJson . }}
  {{- end }}
{{- end }}
{{- define "latchkey.to" -}}
- ports: {{ .ports | toJson }}
  {{- with .peers }}
  to: {{ toJson . }}
  {{- end }}
{{- end }}

{{- define "latchkey.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
# Owner of the mounted secrets.
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "latchkey.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
