using System.Diagnostics.CodeAnalysis;
using Platter.Primitives;

namespace Platter.FileSystems;

/// <summary>Pages (or blocks) of a volume's structures that were changed, held until they are written; and within one edit, what each was before.</summary>
/// <remarks>
/// <para>An edit ends with <see cref="Keep"/> or <see cref="Undo"/>. So one that fails anywhere, by a full volume or a broken structure, leaves no trace, and no step has to know how
/// to go back.</para>
/// <para>The bytes of a page are valid until the next change of the same page begins: never keep them over one.</para>
/// </remarks>
/// <param name="pageLength">Bytes of a page.</param>
/// <param name="maxSpareBytes">Memory of pages given up that is kept for new ones.</param>
internal sealed class ChangedPages(int pageLength, int maxSpareBytes)
{
    private readonly NumberMap<Page> _pages = new();
    private readonly GrowingArray<Former> _undo = new();
    private readonly GrowingArray<byte[]> _spare = new();
    private byte[] _parts = [];     // what parts were, one behind the other
    private int _partsLength;
    private int _edit;

    private sealed class Page
    {
        public required byte[] Bytes { get; init; }

        /// <summary>The edit in which it was made: within the same one it is changed in place.</summary>
        public required int Edit { get; init; }
    }

    /// <summary>What a page was before the edit, nothing when it was not held; or what a part of it was.</summary>
    private readonly struct Former(long number, Page? page, int offset = 0, int length = 0)
    {
        public readonly long Number = number;
        public readonly Page? Page = page;

        /// <summary>Of a part that was changed in place: bytes from the page's start; 0 bytes: all of the page.</summary>
        public readonly int Offset = offset, Length = length;
    }

    /// <summary>Pages held.</summary>
    public int Count => _pages.Count;

    public bool Contains(long number) => _pages.ContainsKey((ulong)number);

    public bool TryGet(long number, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = _pages.TryGetValue((ulong)number, out var page) ? page.Bytes : null;
        return bytes is not null;
    }

    /// <summary>The numbers of all pages, in order.</summary>
    public ulong[] SortedNumbers() => _pages.SortedKeys();

    /// <summary>A page's bytes, to be changed.</summary>
    /// <returns>False when it is not held: <see cref="Add"/>.</returns>
    public bool TryEdit(long number, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (!_pages.TryGetValue((ulong)number, out var page))
            return false;
        bytes = page.Edit == _edit ? page.Bytes : Replace(number, page);
        return true;
    }

    /// <summary>As <see cref="TryEdit"/>, of which only a part is going to be changed: only that is kept for going back.</summary>
    /// <returns>All of the page.</returns>
    public bool TryEditPart(long number, int offset, int length, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (!_pages.TryGetValue((ulong)number, out var page))
            return false;
        bytes = page.Bytes;
        if (page.Edit == _edit)
            return true;
        if (_parts.Length - _partsLength < length)
            GrowParts(length);
        bytes.AsSpan(offset, length).CopyTo(_parts.AsSpan(_partsLength));
        _partsLength += length;
        _undo.Add(new Former(number, page, offset, length));
        return true;
    }

    /// <summary>Room for a page that is not held, to be filled and then given to <see cref="Add"/>: reading it may fail.</summary>
    public byte[] Rent() => _spare.TryPop(out var spare) ? spare : new byte[pageLength];

    /// <summary>Holds a page that was not held so far, or was something else.</summary>
    public void Add(long number, byte[] bytes)
    {
        // Made within this edit: what it was before is on the list already.
        if (!_pages.TryGetValue((ulong)number, out var page) || page.Edit != _edit)
            _undo.Add(new Former(number, page));
        _pages[(ulong)number] = new Page { Bytes = bytes, Edit = _edit };
    }

    /// <summary>Gives up a page: what was changed in it need not be written.</summary>
    public void Drop(long number)
    {
        if (_pages.Remove((ulong)number, out var page))
            _undo.Add(new Former(number, page));
    }

    /// <summary>The edit succeeded; another begins.</summary>
    public void Keep()
    {
        for (var i = 0; i < _undo.Count; i++)
        {
            if (_undo[i] is { Page: { } before, Length: 0 })
                GiveBack(before.Bytes);
        }
        EndEdit();
    }

    /// <summary>The edit failed: every page is what it was.</summary>
    public void Undo()
    {
        for (var i = _undo.Count - 1; i >= 0; i--)
        {
            ref var former = ref _undo[i];
            if (former.Length > 0)
            {
                _partsLength -= former.Length;
                _parts.AsSpan(_partsLength, former.Length).CopyTo(former.Page!.Bytes.AsSpan(former.Offset));
            }
            else if (former.Page is { } before)
            {
                _pages[(ulong)former.Number] = before;
            }
            else
            {
                _pages.Remove((ulong)former.Number);
            }
        }
        EndEdit();
    }

    /// <summary>Holds nothing any more.</summary>
    public void Clear()
    {
        _pages.Clear();
        EndEdit();
    }

    /// <summary>As <see cref="Clear"/>, where nobody else has the bytes of these pages, which are all that are held.</summary>
    public void Recycle(ReadOnlySpan<ulong> numbers)
    {
        foreach (var number in numbers)
            GiveBack(_pages[number].Bytes);
        Clear();
    }

    private byte[] Replace(long number, Page before)
    {
        var made = Rent();
        before.Bytes.CopyTo(made, 0);
        Add(number, made);
        return made;
    }

    private void EndEdit()
    {
        _undo.Clear();
        _partsLength = 0;
        _edit++;
    }

    private void GrowParts(int length)
    {
        var longer = new byte[Math.Max(Math.Max(_parts.Length * 2, 1024), _partsLength + length)];
        _parts.AsSpan(0, _partsLength).CopyTo(longer);
        _parts = longer;
    }

    private void GiveBack(byte[] bytes)
    {
        if ((long)_spare.Count * pageLength < maxSpareBytes)
            _spare.Add(bytes);
    }
}
