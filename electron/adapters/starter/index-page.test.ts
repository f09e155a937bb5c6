import { expect, test } from 'vitest';
import { isWheelOf, normalized, readIndexPage } from './index-page';

const address = 'https://index.example/simple/tiny-model/';
const sha256 = 'a1'.repeat(32);

test('A page of JSON is read', () => {
  const page = {
    meta: { 'api-version': '1.1' },
    files: [
      {
        filename: 'tiny_model-1.0-py3-none-any.whl',
        url: '../../f/tiny.whl',
        hashes: { sha256: sha256.toUpperCase() },
      },
      { filename: 'tiny_model-1.0.tar.gz', url: 'https://files.example/tiny.tar.gz', hashes: {} },
    ],
  };
  expect(readIndexPage(JSON.stringify(page), 'application/vnd.pypi.simple.v1+json', address)).toEqual([
    { name: 'tiny_model-1.0-py3-none-any.whl', url: 'https://index.example/f/tiny.whl', sha256 },
    { name: 'tiny_model-1.0.tar.gz', url: 'https://files.example/tiny.tar.gz', sha256: null },
  ]);
  expect(() => readIndexPage('<html>', 'application/json', address)).toThrow();
});

test('A page of HTML is read, with links of every spelling', () => {
  const page = `<!DOCTYPE html><html><head><title>Links</title></head><body>
    <a href="https://files.example/tiny_model-1.0-py3-none-any.whl#sha256=${sha256}" data-requires-python="&gt;=3.9">x</a><br/>
    <A data-href="no" HREF='../tiny_model-1.1-py3-none-any.whl?a=1&amp;b=2'>x</A>
    <a name=top>x</a> <a href=tiny_model-1.2.zip>x</a> <a href="http://[">x</a></body>`;
  expect(readIndexPage(page, 'text/html; charset=utf-8', address).map(({ url }) => url)).toEqual([
    'https://files.example/tiny_model-1.0-py3-none-any.whl',
    'https://index.example/simple/tiny_model-1.1-py3-none-any.whl?a=1&b=2',
    address,
    'https://index.example/simple/tiny-model/tiny_model-1.2.zip',
  ]);
  expect(readIndexPage(page, 'text/html', address)[0]).toMatchObject({
    name: 'tiny_model-1.0-py3-none-any.whl',
    sha256,
  });
});

test('Links are relative to the base that the page names', () => {
  const page = '<base href="https://cdn.example/x/"><a href="y.whl">y</a>';
  expect(readIndexPage(page, 'text/html', address)[0]?.url).toBe('https://cdn.example/x/y.whl');
});

test('A wheel is known by project and version', () => {
  expect(isWheelOf('tiny_model-1.0-py3-none-any.whl', 'tiny-model', '1.0')).toBe(true);
  expect(isWheelOf('Tiny.Model-1.0-py3-none-any.whl', 'tiny-model', '1.0')).toBe(true);
  expect(isWheelOf('tiny_model-1.0.1-py3-none-any.whl', 'tiny-model', '1.0')).toBe(false);
  expect(isWheelOf('tiny_model_x-1.0-py3-none-any.whl', 'tiny-model', '1.0')).toBe(false);
  expect(isWheelOf('tiny_model-1.0.tar.gz', 'tiny-model', '1.0')).toBe(false);
  expect(normalized('Tiny__Model.x')).toBe('tiny-model-x');
});
