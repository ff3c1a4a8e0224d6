from hypothesis import settings

settings.register_profile("relscale", deadline=None)  # a busy machine is no failure
settings.load_profile("relscale")
