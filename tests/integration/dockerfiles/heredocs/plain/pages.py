import os

pages = {name: os.path.getsize(f"pages/{name}") for name in sorted(os.listdir("pages"))}
with open(f"{os.environ['SITE']}/pages.txt", "w") as file:
    print(os.environ["PORT"], pages, file=file)
