"""When it may be said that all processes refuse requests, and that none from before still runs.

Pure, as windows are: what processes say and what stands in a status are arguments. The operator
writes what is proven here into conditions; the command line proves it itself where no operator
answers.
"""
