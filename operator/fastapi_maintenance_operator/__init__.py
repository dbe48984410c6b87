"""The operator: from MaintenanceWindows to a status, a plan and Events.

Thin handlers over pure functions: `reconcile` says what should be, `controller` when to look,
`api` how it is written.
"""
