using System.Buffers;
using System.Numerics;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>What there is of a block.</summary>
internal enum BlockKind
{
    /// <summary>Nothing: the parent's content, or zeros without one.</summary>
    Absent,

    /// <summary>Nothing, and it reads as zeros whatever the parent holds.</summary>
    Zero,

    /// <summary>All of its sectors.</summary>
    Full,

    /// <summary>Some of its sectors, as a bitmap says; the others are as in <see cref="Absent"/>.</summary>
    Partial,
}

/// <summary>Where a block's data lies.</summary>
/// <param name="Kind">What there is.</param>
/// <param name="Data">Offset of its first byte in the host; meaningless when there is none.</param>
internal readonly record struct BlockPlace(BlockKind Kind, long Data);

/// <summary>A disk that a container keeps in blocks of one size, found through a table, allocated when first written, over a parent or over zeros.</summary>
/// <remarks>
/// <para>Subclasses know the table and the bitmaps; this class knows what reading, writing, zeroing and discarding do to blocks.</para>
/// <para>New space is written as fresh, tables change in the <see cref="MetadataCache"/> and reach the host when the transaction is committed.</para>
/// </remarks>
internal abstract partial class SparseDisk : BlockDevice
{
    private readonly int _shift;
    private BlockSpace? _space;

    /// <param name="host">What holds the container; a <see cref="ResizableDevice"/> when it is to be written.</param>
    /// <param name="parent">The disk that this one is a difference to, or null.</param>
    /// <param name="length">Bytes; a multiple of the sector size.</param>
    /// <param name="sectorSize">What bitmaps count in.</param>
    /// <param name="blockSize">A power of two, at least a sector.</param>
    protected SparseDisk(BlockDevice host, BlockDevice? parent, long length, int sectorSize, long blockSize)
    {
        Host = host;
        Parent = parent;
        Length = length;
        SectorSize = sectorSize;
        BlockSize = blockSize;
        _shift = BitOperations.Log2((ulong)blockSize);
        Metadata = new MetadataCache(host);
    }

    public sealed override long Length { get; }
    public sealed override int SectorSize { get; }
    public override bool CanWrite => Host.CanWrite && Host is ResizableDevice;
    public sealed override bool CanRollback => Host.CanRollback;

    internal long BlockSize { get; }
    internal long BlockCount => (Length + BlockSize - 1) >> _shift;
    internal MetadataCache Metadata { get; }
    protected BlockDevice Host { get; }
    protected BlockDevice? Parent { get; }

    /// <summary>Whether anything was written since the last commit.</summary>
    protected bool HasChanges { get; private set; }

    /// <summary>Whether blocks that hold nothing are given back; not in a fixed image.</summary>
    protected abstract bool GivesBack { get; }

    /// <summary>Whether a block can be zeros though the parent has data there.</summary>
    protected abstract bool HasZeroState { get; }

    /// <summary>Where new blocks go; made when it is first needed.</summary>
    /// <exception cref="DiskFormatException">Blocks overlap each other or the tables, or lie outside of the file.</exception>
    protected BlockSpace Space => _space ??= FindSpace();

    /// <summary>Looks a block up.</summary>
    /// <exception cref="DiskFormatException">Its entry cannot be right.</exception>
    internal abstract BlockPlace Locate(long block);

    /// <summary>For a partial block: whether a sector is there, and how many from it on are alike, up to a limit; may stop early, never at 0.</summary>
    internal abstract (bool Present, int Count) SectorRun(long block, BlockPlace place, int sector, int limit);

    public override void Flush()
    {
        if (HasChanges)
        {
            PrepareCommit();
            Metadata.WriteBack();
        }
        Host.Flush();
        HasChanges = false;
        _space?.Commit(Host.Length);
    }

    public override void Rollback()
    {
        Host.Rollback();
        HasChanges = false;
        _space = null;
        Metadata.Forget();
        Forget();
    }

    /// <summary>Maps what is used of the host, before the first change; refuses what is damaged, so that no block is written over another, or over a table.</summary>
    protected abstract BlockSpace FindSpace();

    /// <summary>Gives a block room for all of its data and enters it in the table; its content is whatever is there.</summary>
    /// <param name="block">The block; it has none yet.</param>
    /// <param name="full">Whether all of its sectors count as present, or none yet.</param>
    /// <returns>The place, and whether it was used before, so that it may hold anything; else it holds zeros.</returns>
    protected abstract (BlockPlace Place, bool Reused) Allocate(long block, bool full);

    /// <summary>Takes a block's data away, if it has any, and enters it in the table as <see cref="BlockKind.Absent"/> or <see cref="BlockKind.Zero"/>.</summary>
    protected abstract void Release(long block, BlockPlace place, BlockKind kind);

    /// <summary>Enters sectors of a partial block as present.</summary>
    protected abstract void MarkPresent(long block, BlockPlace place, int sector, int count);

    /// <summary>The last chance to change tables before they go to the host.</summary>
    protected abstract void PrepareCommit();

    /// <summary>Forgets what was derived from the tables: they are those of the last commit again.</summary>
    protected abstract void Forget();

    /// <summary>What to throw when a block's data doesn't lie within the host.</summary>
    protected abstract DiskFormatException Misplaced(long data);

    /// <summary>The first block from this one on that may be something else than <see cref="BlockKind.Absent"/>: where that is known without looking at each.</summary>
    protected virtual long NextKnown(long block) => block;

    /// <summary>How many bits from <paramref name="first"/> on are as that one is; at most <paramref name="limit"/>.</summary>
    /// <param name="bits">The bits; the run may reach to their end.</param>
    /// <param name="first">Index of the first bit.</param>
    /// <param name="limit">Bits to look at.</param>
    /// <param name="flip">7 where the first bit of a byte is its most significant one, else 0.</param>
    protected static (bool Set, int Count) BitRun(ReadOnlySpan<byte> bits, int first, int limit, int flip)
    {
        var set = (bits[first >> 3] >> (first & 7 ^ flip) & 1) != 0;
        var whole = set ? (byte)0xFF : (byte)0;
        var end = first + limit;
        var at = first;
        while (at < end)
        {
            if ((at & 7) == 0 && end - at >= 8)
            {
                var same = bits[(at >> 3)..(end >> 3)].IndexOfAnyExcept(whole);
                var bytes = same < 0 ? (end >> 3) - (at >> 3) : same;
                at += bytes * 8;
                if (bytes > 0)
                    continue;
            }
            if ((bits[at >> 3] >> (at & 7 ^ flip) & 1) != 0 != set)
                break;
            at++;
        }
        return (set, at - first);
    }

    private protected override HostExtent? FindOnHostCore(long offset, long length)
    {
        var block = offset >> _shift;
        var place = Locate(block);
        var count = Math.Min(length, ((block + 1) << _shift) - offset);
        var start = place.Data + (offset & (BlockSize - 1));
        if (place.Kind == BlockKind.Full)
        {
            while (count < length && Locate((offset + count) >> _shift) is { Kind: BlockKind.Full } next && next.Data == start + count)
                count += Math.Min(length - count, BlockSize);
            return Host.FindOnHost(start, Checked(start, count));
        }
        if (place.Kind == BlockKind.Partial)
        {
            var inset = offset & (SectorSize - 1);
            var (present, sectors) = SectorRun(block, place, (int)((offset & (BlockSize - 1)) / SectorSize), (int)((inset + count + SectorSize - 1) / SectorSize));
            count = Math.Min(count, (long)sectors * SectorSize - inset);
            if (present)
                return Host.FindOnHost(start, Checked(start, count));
        }
        return place.Kind != BlockKind.Zero && Parent is not null && offset < Parent.Length ? Parent.FindOnHost(offset, Math.Min(count, Parent.Length - offset)) : null;
    }

    protected sealed override void ReadCore(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var block = offset >> _shift;
            var within = offset & (BlockSize - 1);
            var part = buffer[..(int)Math.Min(buffer.Length, BlockSize - within)];
            var place = Locate(block);
            switch (place.Kind)
            {
                case BlockKind.Full:
                    ReadHost(place.Data + within, part);
                    break;
                case BlockKind.Partial:
                    ReadPartial(block, place, offset, part);
                    break;
                case BlockKind.Absent when Parent is not null:
                    PageOverlay.ReadBelow(Parent, offset, part);
                    break;
                default:
                    part.Clear();
                    break;
            }
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    protected sealed override void WriteCore(long offset, ReadOnlySpan<byte> data) => Store(offset, data, fresh: false);

    protected sealed override void WriteFreshCore(long offset, ReadOnlySpan<byte> data) => Store(offset, data, fresh: true);

    protected sealed override void WriteZerosCore(long offset, long length)
    {
        for (var end = offset + length; offset < end;)
        {
            var block = offset >> _shift;
            var within = offset & (BlockSize - 1);
            var count = Math.Min(end - offset, BlockSize - within);
            Zero(block, Locate(block), within, count);
            offset += count;
        }
    }

    protected sealed override void DiscardCore(long offset, long length)
    {
        for (var end = offset + length; offset < end;)
        {
            var block = offset >> _shift;
            var within = offset & (BlockSize - 1);
            var count = Math.Min(end - offset, BlockSize - within);
            var place = Locate(block);
            if (place.Kind is BlockKind.Full or BlockKind.Partial)
            {
                BeginChange(place.Data + within, count);
                if (IsWhole(block, within, count) && ReleaseAs(block) is { } kind)
                    Release(block, place, kind);
                else
                    Host.Discard(place.Data + within, count);
            }
            offset += count;
        }
    }

    private void Store(long offset, ReadOnlySpan<byte> data, bool fresh)
    {
        // What goes to one place after the other is written in one go.
        var run = default(HostRun);
        for (var position = 0; position < data.Length;)
        {
            var block = (offset + position) >> _shift;
            var within = (offset + position) & (BlockSize - 1);
            var count = (int)Math.Min(data.Length - position, BlockSize - within);
            var place = PlaceFor(block, within, data.Slice(position, count), fresh);
            if (place >= 0)
            {
                var isFresh = fresh || Space.IsFresh(place);
                if (run.Length == 0 || place != run.Offset + run.Length || position != run.Position + run.Length || isFresh != run.IsFresh)
                {
                    WriteRun(run, data);
                    run = new HostRun(place, position, 0, isFresh);
                }
                run = run with { Length = run.Length + count };
            }
            position += count;
        }
        WriteRun(run, data);
    }

    /// <param name="Offset">Where it goes in the host.</param>
    /// <param name="Position">Where it stands in what is to be written.</param>
    /// <param name="Length">Bytes.</param>
    /// <param name="IsFresh">Whether nothing committed refers to the place.</param>
    private readonly record struct HostRun(long Offset, int Position, int Length, bool IsFresh);

    private void WriteRun(HostRun run, ReadOnlySpan<byte> data)
    {
        if (run.Length == 0)
            return;
        if (run.IsFresh)
            Host.WriteFresh(run.Offset, data.Slice(run.Position, run.Length));
        else
            Host.Write(run.Offset, data.Slice(run.Position, run.Length));
    }

    // Where in the host data for a block goes that is to be written as it is; -1 when there is nothing more to write.
    private long PlaceFor(long block, long within, ReadOnlySpan<byte> data, bool fresh)
    {
        var place = Locate(block);
        if (place.Kind == BlockKind.Full)
        {
            BeginChange(place.Data + within, data.Length);
            return place.Data + within;
        }
        if (place.Kind != BlockKind.Partial)
        {
            if (!data.ContainsAnyExcept((byte)0) && (place.Kind == BlockKind.Zero || IsZeroBelow((block << _shift) + within, data.Length)))
                return -1;
            BeginChange();
            var whole = IsWhole(block, within, data.Length);
            var full = whole || place.Kind == BlockKind.Zero || Parent is null;
            (place, var reused) = Allocate(block, full);
            if (full)
            {
                if (reused && !whole)
                    ClearAround(place.Data, within, data.Length);
                BeginChange(place.Data + within, data.Length);
                return place.Data + within;
            }
        }
        StoreSectors(block, place, within, data, fresh);
        return -1;
    }

    // In a partial block only whole sectors can be present: what is missing of the first and the last comes from below.
    private void StoreSectors(long block, BlockPlace place, long within, ReadOnlySpan<byte> data, bool fresh)
    {
        Span<byte> edge = stackalloc byte[SectorSize];
        while (!data.IsEmpty)
        {
            var sector = (int)(within / SectorSize);
            var inset = (int)(within % SectorSize);
            var count = inset == 0 ? data.Length - data.Length % SectorSize : 0;
            if (count > 0)
            {
                WriteHost(place.Data + within, data[..count], fresh);
                MarkPresent(block, place, sector, count / SectorSize);
            }
            else
            {
                count = Math.Min(data.Length, SectorSize - inset);
                ReadCore((block << _shift) + within - inset, edge);
                data[..count].CopyTo(edge[inset..]);
                WriteHost(place.Data + within - inset, edge, fresh);
                MarkPresent(block, place, sector, 1);
            }
            within += count;
            data = data[count..];
        }
    }

    private void Zero(long block, BlockPlace place, long within, long count)
    {
        var offset = (block << _shift) + within;
        var stored = place.Kind is BlockKind.Full or BlockKind.Partial;
        if (!stored && (place.Kind == BlockKind.Zero || IsZeroBelow(offset, count)))
            return;
        if (stored)
            BeginChange(place.Data + within, count);
        else
            BeginChange();
        if (IsWhole(block, within, count) && ReleaseAs(block) is { } kind)
        {
            Release(block, place, kind);
            return;
        }
        if (!stored)
            (place, _) = Allocate(block, full: false);
        if (place.Kind == BlockKind.Full)
        {
            Host.WriteZeros(place.Data + within, count);
            return;
        }
        var head = Math.Min(count, -within & (SectorSize - 1));
        var middle = (count - head) / SectorSize * SectorSize;
        Span<byte> zeros = stackalloc byte[SectorSize];
        zeros.Clear();
        StoreSectors(block, place, within, zeros[..(int)head], fresh: false);
        if (middle > 0)
        {
            Host.WriteZeros(place.Data + within + head, middle);
            MarkPresent(block, place, (int)((within + head) / SectorSize), (int)(middle / SectorSize));
        }
        StoreSectors(block, place, within + head + middle, zeros[..(int)(count - head - middle)], fresh: false);
    }

    // What a block that is to read as zeros (or anything) becomes when its data is taken away; null when it has to keep it.
    private BlockKind? ReleaseAs(long block)
    {
        if (!GivesBack)
            return null;
        if (HasZeroState && Parent is not null)
            return BlockKind.Zero;
        return IsZeroBelow(block << _shift, Math.Min(BlockSize, Length - (block << _shift))) ? BlockKind.Absent : null;
    }

    private void ClearAround(long data, long within, long count)
    {
        var zeros = ArrayPool<byte>.Shared.Rent((int)Math.Min(BlockSize, 1 << 20));
        try
        {
            Array.Clear(zeros);
            Clear(data, within);
            Clear(data + within + count, BlockSize - within - count);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(zeros);
        }

        void Clear(long offset, long length)
        {
            for (var done = 0L; done < length; done += zeros.Length)
                Host.WriteFresh(offset + done, zeros.AsSpan(0, (int)Math.Min(zeros.Length, length - done)));
        }
    }

    private void ReadPartial(long block, BlockPlace place, long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var within = offset & (BlockSize - 1);
            var inset = (int)(within & (SectorSize - 1));
            var sectors = (inset + buffer.Length + SectorSize - 1) / SectorSize;
            var (present, count) = SectorRun(block, place, (int)(within / SectorSize), sectors);
            var part = buffer[..(int)Math.Min(buffer.Length, (long)count * SectorSize - inset)];
            if (present)
                ReadHost(place.Data + within, part);
            else if (Parent is not null)
                PageOverlay.ReadBelow(Parent, offset, part);
            else
                part.Clear();
            offset += part.Length;
            buffer = buffer[part.Length..];
        }
    }

    private void ReadHost(long offset, Span<byte> buffer)
    {
        Checked(offset, buffer.Length);
        Host.Read(offset, buffer);
    }

    private void WriteHost(long offset, ReadOnlySpan<byte> data, bool fresh)
    {
        BeginChange(offset, data.Length);
        if (fresh || Space.IsFresh(offset))
            Host.WriteFresh(offset, data);
        else
            Host.Write(offset, data);
    }

    private long Checked(long offset, long count) =>
        offset >= 0 && offset <= Host.Length && count <= Host.Length - offset ? count : throw Misplaced(offset);

    private void BeginChange()
    {
        _ = Space;
        HasChanges = true;
    }

    private void BeginChange(long offset, long count)
    {
        Checked(offset, count);
        BeginChange();
    }

    private bool IsWhole(long block, long within, long count) => within == 0 && count == Math.Min(BlockSize, Length - (block << _shift));

    private bool IsZeroBelow(long offset, long count)
    {
        if (Parent is null || offset >= Parent.Length)
            return true;
        return !Parent.AllocatedRanges(offset, Math.Min(count, Parent.Length - offset)).Any();
    }
}
