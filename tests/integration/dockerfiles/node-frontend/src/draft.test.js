throw new Error("not for production");
