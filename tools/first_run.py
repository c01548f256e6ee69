"""Make assets/first_run.npz: what the window shows while torch loads."""

from explorer.session.first_run import make, path

if __name__ == "__main__":
    make()
    print(f"{path().name}: {path().stat().st_size // 1024} KB")
