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

{{- define "fastapi-maintenance.operator" -}}
{{- include "fastapi-maintenance.fullname" . }}-operator
{{- end }}

{{- define "fastapi-maintenance.serviceAccount" -}}
{{- default (include "fastapi-maintenance.operator" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "fastapi-maintenance.selectorLabels" -}}
app.kubernetes.io/name: {{ include "fastapi-maintenance.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* What every object carries; the component is each template's own. */}}
{{- define "fastapi-maintenance.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "fastapi-maintenance.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
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
