"""What several tests share: made-up networks, devices, studies, files and servers."""
