document.body.append("built by vite");
