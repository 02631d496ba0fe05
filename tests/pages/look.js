// What a person sees of a page: every text in the order of the page, and what is wrong with it. The whole page must be
// inside the window.
(() => {
    const seen = [], wrong = [], boxes = [], letters = new Map();
    const [width, height] = [document.documentElement.clientWidth, document.documentElement.clientHeight];
    const short = (text) => text.length > 40 ? `${text.slice(0, 40)}…` : text;

    // What is there for those who listen to the page.
    const forReaders = (element) => {
        for (let holder = element; holder; holder = holder.parentElement) {
            if (getComputedStyle(holder).clipPath === 'inset(50%)') return true;
        }
        return false;
    };

    // Texts: there, inside the window and what holds them, and not under anything else.
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());) {
        const text = node.data.replace(/\s+/g, ' ').trim();
        const parent = node.parentElement;
        if (!text || forReaders(parent)) continue;
        const style = getComputedStyle(parent);
        const range = document.createRange();
        range.selectNodeContents(node);
        const rects = [...range.getClientRects()].filter((rect) => rect.width > 0 && rect.height > 0);
        if (!rects.length || style.visibility !== 'visible' || style.opacity === '0') {
            wrong.push(`not shown: ${short(text)}`);
            continue;
        }
        seen.push(text);
        for (const letter of text.replace(/\s/g, '')) letters.set(letter + style.fontWeight, [letter, style.font]);
        for (const rect of rects) {
            if (rect.left < -0.5 || rect.right > width + 0.5 || rect.top < -0.5 || rect.bottom > height + 0.5) {
                wrong.push(`outside the window: ${short(text)}`);
            }
            for (let holder = parent; holder; holder = holder.parentElement) {
                const held = holder.getBoundingClientRect();
                if (holder !== parent && holder.matches('span, a')) continue;
                if (rect.left < held.left - 1 || rect.right > held.right + 1) {
                    wrong.push(`outside its ${holder.tagName}: ${short(text)}`);
                    break;
                }
            }
            const on = document.elementFromPoint((rect.left + rect.right) / 2, (rect.top + rect.bottom) / 2);
            if (!on || !(parent.contains(on) || on.contains(parent))) wrong.push(`covered: ${short(text)}`);
            boxes.push([node, rect, text]);
        }
    }
    boxes.forEach(([node, a, text], at) => boxes.slice(at + 1).forEach(([other, b, under]) => {
        const [x, y] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
        // Lines of text may touch: their boxes are higher than their letters.
        if (node !== other && x > 1 && y > 4) wrong.push(`on each other: ${short(text)} and ${short(under)}`);
    }));
    for (const element of document.body.querySelectorAll('*')) {
        if (forReaders(element) || getComputedStyle(element).display === 'inline') continue;
        if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) {
            wrong.push(`cut off: ${element.tagName}.${element.className} ${element.scrollWidth} > ${element.clientWidth}`);
        }
    }

    // Letters: drawn, and not as the box that stands for one that no font has.
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [60, 60];
    const pen = canvas.getContext('2d', { willReadFrequently: true });
    const drawn = (letter, font) => {
        pen.clearRect(0, 0, 60, 60);
        pen.font = font.replace(/[\d.]+px/, '40px');
        pen.fillText(letter, 8, 45);
        return pen.getImageData(0, 0, 60, 60).data.filter((_, at) => at % 4 === 3).join();
    };
    const blank = drawn(' ', '40px serif');
    for (const [letter, font] of letters.values()) {
        const shape = drawn(letter, font);
        // No letter is or ever will be there.
        if (shape === blank || shape === drawn('\u{10fffe}', font)) wrong.push(`no font has the letter ${letter}`);
        const plain = letter.normalize('NFD')[0];
        if (plain !== letter && shape === drawn(plain, font)) wrong.push(`${letter} is drawn as ${plain}`);
    }
    return { seen, wrong, letters: [...new Set([...letters.values()].map(([letter]) => letter))].join('') };
})()
