{{- define "fastapi-maintenance.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 54 | trimSuffix "-" }}
{{- end }}

{{/* A Pod's name takes 63 characters; "-operator" is 9 of them. */}}
{{- define "fastapi-maintenance.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 54 | trimSuffix "-" }}
{{- else if contains (include "fastapi-maintenance.name" .) .Release.Name }}
{{- .Release.Name | trunc 54 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "fastapi-maintenance.name" .) | trunc 54 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Of a Service too, whose name takes no dot and begins with a letter: a release's may do otherwise. */}}
{{- define "fastapi-maintenance.operator" -}}
{{- $name := include "fastapi-maintenance.fullname" . }}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" $name) }}
{{- fail (printf "%s-operator can't be the name of a Service: set fullnameOverride to letters, digits and -, a letter first" $name) }}
{{- end }}
{{- $name }}-operator
{{- end }}

{{- define "fastapi-maintenance.serviceAccount" -}}
{{- default (include "fastapi-maintenance.operator" .) .Values.serviceAccount.name }}
{{- end }}

{{/* The operator's name as a user of the API. */}}
{{- define "fastapi-maintenance.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "fastapi-maintenance.serviceAccount" . }}
{{- end }}

{{- define "fastapi-maintenance.selectorLabels" -}}
app.kubernetes.io/name: {{ include "fastapi-maintenance.name" . | quote }}
app.kubernetes.io/instance: {{ quote .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* What every object carries; the component is each template's own. */}}
{{- define "fastapi-maintenance.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "fastapi-maintenance.name" . | quote }}
app.kubernetes.io/instance: {{ quote .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: fastapi-maintenance
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "fastapi-maintenance.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{/* Pod Security "restricted", of a Pod and of its container. The image says which user, so that OpenShift may choose another. */}}
{{- define "fastapi-maintenance.podSecurity" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "fastapi-maintenance.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The namespaces that a policy is for, where they are listed. */}}
{{- define "fastapi-maintenance.namespaceSelector" -}}
{{- with .Values.watchNamespaces }}
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: In
      values: {{ toJson . }}
{{- end }}
{{- end }}

{{/* Texts as a list in CEL. */}}
{{- define "fastapi-maintenance.celList" -}}
[{{ range $index, $text := . }}{{ if $index }}, {{ end }}'{{ $text | replace "\\" "\\\\" | replace "'" "\\'" }}'{{ end }}]
{{- end }}
