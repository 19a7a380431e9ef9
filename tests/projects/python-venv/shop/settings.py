"""As little as Django wants."""

SECRET_KEY = "of a sample"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "shop"}}
USE_TZ = True
