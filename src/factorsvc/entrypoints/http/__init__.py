"""The service over HTTP (design 10): `app.make_app` is the way in."""
