"""What a window means, worked out a second time: slowly, plainly, without the library's ways.

Written from the design alone. It knows neither cronsim nor `fastapi_maintenance.windows.schedule`:
a mistake would have to be made twice, in two different manners, to go unseen.
"""
