"""The whole of it on a cluster with Pods: chart, images, applications, and what befalls them."""
