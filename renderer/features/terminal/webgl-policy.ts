let hardwareAccelerated: boolean | null = null;

/**
 * Whether WebGL runs on a graphics card. Drawn by software it is slower than the DOM renderer (8 against 18 MB/s
 * under Xvfb), so it is used on real hardware only. Asked once: contexts are scarce (about 16 a page).
 */
export function isWebglAccelerated(): boolean {
  hardwareAccelerated ??= probe();
  return hardwareAccelerated;
}

function probe(): boolean {
  const context = document
    .createElement('canvas')
    .getContext('webgl2', { failIfMajorPerformanceCaveat: true });
  if (!context) return false;
  const information = context.getExtension('WEBGL_debug_renderer_info');
  const renderer: unknown = information ? context.getParameter(information.UNMASKED_RENDERER_WEBGL) : '';
  context.getExtension('WEBGL_lose_context')?.loseContext();
  return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(String(renderer));
}
